-- The organization of this deployment (one row) and its accounts. Small tables, no locks to speak of.
create table organization (
  singleton boolean primary key default true check (singleton),
  name text not null,
  home_account_id text not null,
  claimed_at timestamptz not null
);

create table account (
  account_id text primary key check (account_id ~ '^[0-9]{12}$'),
  name text not null,
  alias text unique,
  created_at timestamptz not null
);

alter table organization add foreign key (home_account_id) references account;
