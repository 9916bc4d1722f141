-- The password policy of an account as IAM keeps it (no row: none was set, and the house's own rules hold), the age of
-- a login profile, and what a virtual MFA device of the IAM API has beside its seed.
create table password_policy (
  account_id text primary key references account,
  minimum_length integer not null check (minimum_length between 6 and 128),
  require_symbols boolean not null,
  require_numbers boolean not null,
  require_uppercase boolean not null,
  require_lowercase boolean not null,
  allow_users_to_change boolean not null,
  max_age_days integer check (max_age_days between 1 and 1095),
  reuse_prevention integer check (reuse_prevention between 1 and 24),
  hard_expiry boolean not null
);

-- set_at moves with every new password; this one is when the user first got one.
alter table user_password add column created_at timestamptz;
update user_password set created_at = set_at;
alter table user_password alter column created_at set not null;

-- drift: by how many steps of 30 seconds the device's clock is ahead of ours; ResyncMFADevice finds it.
alter table totp_device add column path text not null default '/';
alter table totp_device add column tags text not null default '{}';
alter table totp_device add column drift integer not null default 0 check (drift between -20 and 20);
create index totp_device_account on totp_device (account_id, name_key);
