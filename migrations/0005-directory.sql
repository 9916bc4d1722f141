-- People, service users, groups, passwords and access keys. Names are unique per account without regard to case and
-- keep the case they were given.
create table users (
  user_id text primary key,
  account_id text not null references account,
  name text not null,
  name_key text not null,
  path text not null,
  display_name text,
  mail text,
  mail_key text,
  mail_verified boolean not null default false,
  status text not null default 'active' check (status in ('active', 'disabled')),
  permissions_boundary text,
  tags text not null default '{}',
  created_at timestamptz not null,
  password_last_used timestamptz,
  constraint users_name unique (account_id, name_key)
);

create unique index users_mail on users (account_id, mail_key) where mail_verified;

-- Every way a user can be disabled or removed ends here: all that was issued to the user dies with the commit.
create function user_left() returns trigger language plpgsql as $$
begin
  perform raise_epoch('user', old.user_id);
  return null;
end $$;

create trigger users_disabled after update of status on users
  for each row when (old.status = 'active' and new.status <> 'active') execute function user_left();
create trigger users_removed after delete on users for each row execute function user_left();

create table user_password (
  user_id text primary key references users on delete cascade,
  phc text not null,
  set_at timestamptz not null,
  must_change boolean not null default false,
  history text not null default '[]'
);

create table user_group (
  group_id text primary key,
  account_id text not null references account,
  name text not null,
  name_key text not null,
  path text not null,
  created_at timestamptz not null,
  constraint user_group_name unique (account_id, name_key)
);

-- `source` says who put the user into the group: local, or the connection whose claims did.
create table group_member (
  group_id text not null references user_group,
  user_id text not null references users on delete cascade,
  source text not null default 'local',
  primary key (group_id, user_id)
);

create index group_member_user on group_member (user_id);

-- user_id is null for the root user of the account. The secret is sealed: SigV4 needs the secret itself.
create table access_key (
  access_key_id text primary key,
  account_id text not null references account,
  user_id text references users,
  secret_sealed bytea not null,
  status text not null default 'Active' check (status in ('Active', 'Inactive')),
  created_at timestamptz not null,
  last_used_at timestamptz,
  last_used_service text,
  last_used_region text
);

create index access_key_user on access_key (user_id);

create function access_key_ended() returns trigger language plpgsql as $$
begin
  perform raise_epoch('key', old.access_key_id);
  return null;
end $$;

create trigger access_key_disabled after update of status on access_key
  for each row when (old.status = 'Active' and new.status <> 'Active') execute function access_key_ended();
create trigger access_key_removed after delete on access_key for each row execute function access_key_ended();
