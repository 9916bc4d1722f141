-- What the OpenID provider must remember: one narrow row per session, grant, code, token and replayed id, and which
-- clients take part in a browser session. Ids are stored as SHA-256 (the id is the bearer value), what else is secret
-- is sealed to its row. New tables: no locks. Rows are many and short-lived; payloads are read whole, hence text.
create table oidc_artifact (
  model smallint not null,
  id_hash bytea not null,
  grant_id text,
  account_id text,
  client_id text,
  user_code_hash bytea,
  payload text not null,
  sealed bytea,
  consumed_at timestamptz,
  expires_at timestamptz not null,
  primary key (model, id_hash)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);

create unique index oidc_artifact_user_code on oidc_artifact (user_code_hash) where user_code_hash is not null;
create index oidc_artifact_grant on oidc_artifact (grant_id) where grant_id is not null;
create index oidc_artifact_account on oidc_artifact (account_id, model) where account_id is not null;
create index oidc_artifact_expiry on oidc_artifact (expires_at);

-- One grant per browser session (its family) and client, so that parallel tabs share it and the end of the session
-- ends its tokens.
create table oidc_participation (
  session_family text not null,
  client_id text not null,
  user_id text not null references users on delete cascade,
  grant_id text not null,
  sid text not null,
  survives_logout boolean not null default false,
  expires_at timestamptz not null,
  primary key (session_family, client_id)
);
create index oidc_participation_expiry on oidc_participation (expires_at);
create index oidc_participation_user on oidc_participation (user_id);

-- What a user allowed an app that asks (`oidc_client.consent`): scopes and single claims, space-separated.
create table oidc_consent (
  user_id text not null references users on delete cascade,
  client_id text not null references oidc_client on delete cascade,
  scopes text not null,
  claims text not null,
  given_at timestamptz not null,
  primary key (user_id, client_id)
);
