-- When users and roles last tried which action: one row each, written behind from what the audit log records. A name and not
-- an id, since decisions about sessions name the role; rows that are older than the entity of the name are of an earlier one.
create table last_accessed (
  account_id text not null,
  kind text not null check (kind in ('root', 'user', 'role')),
  name_key text not null,
  service text not null,
  action text not null,
  region text not null,
  last_at timestamptz not null,
  allowed_at timestamptz,
  primary key (account_id, kind, name_key, service, action)
);
