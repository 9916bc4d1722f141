-- Sessions of a person's command line (`aws sso login`, `aws login`), and the requests for them that wait for consent.
-- New tables: no locks. No bearer value is in them: codes are stored as SHA-256, user codes as a MAC, and tokens are
-- MACs over the session's id, a number and a key outside the database.

-- A request that waits for its person. `id_hash`: what names it in the page's URL; `browser_hash`: the one browser that
-- may answer it. A device's request has no browser and is named by its user code. Once allowed, the code or device code
-- is good once; the row stays until it expires, so that a second use is noticed.
create table cli_request (
  id_hash bytea primary key,
  flow text not null check (flow in ('sso-device', 'sso-code', 'login-same-device', 'login-cross-device')),
  client_name text not null,
  client_hash bytea not null,
  redirect_uri text,
  state text,
  code_challenge text,
  code_hash bytea not null unique,
  user_code_mac text unique,
  browser_hash bytea,
  ip text not null,
  user_agent text not null,
  polled_at timestamptz,
  polls integer not null default 0,
  outcome text check (outcome in ('allowed', 'denied')),
  user_id text references users on delete cascade,
  user_epoch integer,
  browser_family text,
  auth_time timestamptz,
  mfa_at timestamptz,
  role_id text,
  session_id text,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index cli_request_expiry on cli_request (expires_at);

-- A session: `session_id` also names it in the revocation epochs. `generation` counts its refresh tokens: the newest is
-- good, the one before it for a moment, an older one ends the session.
create table cli_session (
  session_id text primary key,
  flow text not null check (flow in ('sso', 'login')),
  user_id text not null references users on delete cascade,
  user_epoch integer not null,
  browser_family text not null,
  client_name text not null,
  client_hash bytea not null,
  key_thumbprint text,
  role_id text,
  ip text not null,
  user_agent text not null,
  auth_time timestamptz not null,
  mfa_at timestamptz,
  generation integer not null default 0,
  rotated_at timestamptz,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null
) with (fillfactor = 85);
create index cli_session_user on cli_session (user_id);
create index cli_session_expiry on cli_session (expires_at);

-- Values that count once and need no other row (proofs of possession, console sign-in tokens): the key is what makes a
-- second one fail.
create table cli_seen (
  value_hash bytea primary key,
  expires_at timestamptz not null
);
create index cli_seen_expiry on cli_seen (expires_at);
