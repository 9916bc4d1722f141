-- IAM: roles, managed policies and their versions, attachments, inline policies, identity provider entities.
-- principal_id is a unique id (AIDA, AGPA, AROA …): a new entity of an old name inherits nothing.
create table role (
  role_id text primary key,
  account_id text not null references account,
  name text not null,
  name_key text not null,
  path text not null,
  description text,
  trust_policy text not null,
  trust_principals text not null default '{}',
  max_session_seconds integer not null check (max_session_seconds between 3600 and 43200),
  permissions_boundary text,
  tags text not null default '{}',
  created_at timestamptz not null,
  constraint role_name unique (account_id, name_key)
);

create function role_removed() returns trigger language plpgsql as $$
begin
  perform raise_epoch('role', old.role_id);
  return null;
end $$;

create trigger role_removed after delete on role for each row execute function role_removed();

create table managed_policy (
  policy_id text primary key,
  account_id text not null references account,
  arn text not null unique,
  name text not null,
  name_key text not null,
  path text not null,
  description text,
  default_version integer not null,
  latest_version integer not null,
  tags text not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint managed_policy_name unique (account_id, name_key)
);

create table policy_version (
  policy_id text not null references managed_policy on delete cascade,
  version integer not null,
  document text not null,
  created_at timestamptz not null,
  primary key (policy_id, version)
);

create table policy_attachment (
  principal_id text not null,
  policy_arn text not null,
  primary key (principal_id, policy_arn)
);

create index policy_attachment_arn on policy_attachment (policy_arn);

create table inline_policy (
  principal_id text not null,
  name text not null,
  name_key text not null,
  document text not null,
  primary key (principal_id, name_key)
);

create table oidc_provider (
  arn text primary key,
  account_id text not null references account,
  url text not null,
  client_ids text not null,
  thumbprints text not null default '[]',
  tags text not null default '{}',
  created_at timestamptz not null
);

create table saml_provider (
  arn text primary key,
  account_id text not null references account,
  name text not null,
  metadata text not null,
  tags text not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null
);
