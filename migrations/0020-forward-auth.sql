-- What decisions rest on, by the transactions that changed it: a node asks whether any became visible since it last looked.
-- One row per transaction, written without a lock that transactions share; swept after a day.
create table policy_change (
  xact xid8 primary key,
  at timestamptz not null default now()
);

create function policy_changed() returns trigger language plpgsql as $$
begin
  insert into policy_change (xact) values (pg_current_xact_id()) on conflict do nothing;
  if found then
    perform pg_notify('signet_policy', pg_current_xact_id()::text);
  end if;
  return null;
end $$;

create trigger policy_changed after insert or delete or update of name, name_key, path, mail, mail_key, mail_verified,
  status, permissions_boundary, tags on users for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on organization
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on user_group
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on group_member
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on role
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on managed_policy
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on policy_version
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on policy_attachment
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on inline_policy
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on app
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on app_action
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on app_resource_type
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on app_resource
  for each statement execute function policy_changed();

-- Apps behind a reverse proxy that asks Signet about each request.
alter table app drop constraint app_kind_check;
alter table app add constraint app_kind_check check (kind in ('oidc', 'saml', 'proxy'));

-- `rules` is JSON text: path patterns and methods, and the action and resource that each asks for.
create table proxy_app (
  app_id text primary key references app on delete cascade,
  rules text not null,
  updated_at timestamptz not null
);

-- `host` is what the browser sends, with its port; `origin` has the scheme, which no header may choose.
create table proxy_origin (
  host text primary key,
  origin text not null,
  app_id text not null references proxy_app on delete cascade
);

create trigger policy_changed after insert or update or delete on proxy_app
  for each statement execute function policy_changed();
create trigger policy_changed after insert or update or delete on proxy_origin
  for each statement execute function policy_changed();

-- The way of a session to a host of its own: a code that is used once, by the browser that began there.
create table proxy_code (
  code_hash bytea primary key,
  host text not null,
  flow_hash bytea not null,
  user_id text not null references users on delete cascade,
  family text not null,
  expires_at timestamptz not null
);

-- A browser at a protected host. It lives as long as the browser session that it came from.
create table proxy_session (
  id_hash bytea primary key,
  host text not null,
  user_id text not null references users on delete cascade,
  family text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create index proxy_session_family on proxy_session (family);
