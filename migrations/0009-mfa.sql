-- Second factors. The TOTP seed is sealed under its row's id; a recovery code is stored as its SHA-256 (120 random
-- bits). A virtual device of nobody (user_id null) is one that the IAM API made and nobody enabled yet. mfa_try counts
-- wrong codes over all factors of a user; its row is gone after a right one.
create table totp_device (
  device_id text primary key,
  account_id text not null references account,
  user_id text references users on delete cascade,
  name text not null,
  name_key text not null,
  seed_sealed bytea not null,
  last_step bigint not null default 0,
  created_at timestamptz not null,
  enabled_at timestamptz,
  constraint totp_device_name unique (account_id, name_key)
);

create index totp_device_user on totp_device (user_id);

create table recovery_code (
  code_hash bytea primary key,
  user_id text not null references users on delete cascade,
  created_at timestamptz not null,
  used_at timestamptz
);

create index recovery_code_user on recovery_code (user_id);

create table mfa_try (
  user_id text primary key references users on delete cascade,
  since timestamptz not null,
  tries integer not null
);
