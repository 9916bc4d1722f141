-- Signing in. signin_pending: one interaction of one browser; its id is stored as SHA-256, the browser as SHA-256 of
-- its cookie; progress is JSON. It is old after an hour, begins anew then, and is swept after a day. signin_go: where
-- a hand-over page leads. known_device: browsers that a user has signed in with. signin_bucket: counted failures under
-- HMACed keys; unlogged, since losing them in a crash of the database costs a guesser's few tries.
create table signin_pending (
  id_hash bytea primary key,
  kind text not null,
  reference text not null,
  requirement text not null,
  browser_hash bytea,
  progress text not null,
  begun_at timestamptz not null,
  created_at timestamptz not null,
  finished_at timestamptz,
  user_id text,
  session_family text,
  result_url text
);

create index signin_pending_created on signin_pending (created_at);

create table signin_go (
  id_hash bytea primary key,
  browser_hash bytea not null,
  target text not null,
  expires_at timestamptz not null
);

create table known_device (
  device_hash bytea not null,
  user_id text not null references users on delete cascade,
  last_used_at timestamptz not null,
  primary key (user_id, device_hash)
);

create unlogged table signin_bucket (
  key text primary key,
  points integer not null,
  since timestamptz not null,
  until timestamptz not null
);

create index signin_bucket_until on signin_bucket (until);
