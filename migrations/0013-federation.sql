-- Signing in through other identity providers. connection: one upstream; settings is JSON text, the client secret is
-- sealed. connection_domain: which connection a mail domain belongs to, one at most. federated_identity: who of an
-- upstream is which user, by the upstream's own subject, never by mail. federation_flow: one trip to an upstream and
-- back; the state is stored as SHA-256, verifier and nonce are sealed. New tables: no locks.
create table connection (
  connection_id text primary key,
  account_id text not null references account,
  name text not null,
  name_key text not null,
  client_id text not null,
  secret_sealed bytea,
  settings text not null,
  enabled boolean not null default true,
  updated_at timestamptz not null,
  constraint connection_name unique (account_id, name_key)
);

create table connection_domain (
  domain text primary key,
  connection_id text not null references connection on delete cascade
);

create index connection_domain_connection on connection_domain (connection_id);

create table federated_identity (
  connection_id text not null references connection on delete cascade,
  subject text not null,
  user_id text not null references users on delete cascade,
  linked_at timestamptz not null,
  last_seen_at timestamptz not null,
  groups_known_at timestamptz,
  primary key (connection_id, subject),
  constraint federated_identity_user unique (connection_id, user_id)
);

create index federated_identity_of_user on federated_identity (user_id);

create table federation_flow (
  state_hash bytea primary key,
  connection_id text not null references connection on delete cascade,
  browser_hash bytea not null,
  sealed bytea not null,
  expires_at timestamptz not null
);

create index federation_flow_expiry on federation_flow (expires_at);
