-- What people sign in to. `access` is everyone or policy (signet:SignIn on the app's ARN); `service_prefix` makes the
-- app a caller of the decision point for actions of that prefix.
create table app (
  app_id text primary key,
  account_id text not null references account,
  kind text not null check (kind in ('oidc', 'saml')),
  name text not null,
  name_key text not null,
  launch_url text,
  access text not null default 'everyone' check (access in ('everyone', 'policy')),
  require_mfa boolean not null default false,
  service_prefix text unique,
  enabled boolean not null default true,
  created_at timestamptz not null,
  constraint app_name unique (account_id, name_key)
);

-- `metadata` is the client's OIDC metadata as JSON text (RFC 7591 names) without any secret.
create table oidc_client (
  client_id text primary key,
  app_id text not null unique references app on delete cascade,
  metadata text not null,
  secret_hash bytea,
  consent boolean not null default false,
  pkce_optional boolean not null default false,
  updated_at timestamptz not null
);

-- `settings` is JSON text: endpoints, certificates, NameID format, attributes, what is signed.
create table saml_service_provider (
  entity_id text primary key,
  app_id text not null unique references app on delete cascade,
  settings text not null,
  updated_at timestamptz not null
);
