-- What IAM keeps beside identities and policies: instance profiles, certificates and public keys that other services
-- look up, preferences of an account, and reports that are made in the background. No foreign key cascades: IAM
-- refuses to delete an owner before its belongings.
create table instance_profile (
  instance_profile_id text primary key,
  account_id text not null references account,
  name text not null,
  name_key text not null,
  path text not null,
  role_id text references role,
  tags text not null default '{}',
  created_at timestamptz not null,
  constraint instance_profile_name unique (account_id, name_key)
);

create index instance_profile_role on instance_profile (role_id);

-- The private key is compared with the certificate and not kept: nothing here terminates TLS with it.
create table server_certificate (
  server_certificate_id text primary key,
  account_id text not null references account,
  name text not null,
  path text not null,
  body text not null,
  chain text,
  tags text not null default '{}',
  uploaded_at timestamptz not null,
  expires_at timestamptz not null,
  constraint server_certificate_name unique (account_id, name)
);

-- user_id is null for the root user of the account.
create table signing_certificate (
  certificate_id text primary key,
  account_id text not null references account,
  user_id text references users,
  body text not null,
  fingerprint bytea not null,
  status text not null default 'Active' check (status in ('Active', 'Inactive')),
  uploaded_at timestamptz not null,
  constraint signing_certificate_once unique (account_id, fingerprint)
);

create index signing_certificate_user on signing_certificate (user_id);

create table ssh_public_key (
  ssh_public_key_id text primary key,
  account_id text not null references account,
  user_id text not null references users,
  -- The key in OpenSSH's form, without a comment.
  body text not null,
  fingerprint text not null,
  status text not null default 'Active' check (status in ('Active', 'Inactive')),
  uploaded_at timestamptz not null,
  constraint ssh_public_key_once unique (user_id, body)
);

-- SetSecurityTokenServicePreferences; read by GetAccountSummary.
alter table account add column global_endpoint_token_version integer not null default 1
  check (global_endpoint_token_version in (1, 2));

-- One credential report per account. While a new one is being made, the last one stays readable.
create table credential_report (
  account_id text primary key references account,
  started_at timestamptz,
  generated_at timestamptz,
  content text
);

-- GenerateServiceLastAccessedDetails: one row per job, swept after a day.
create table access_report (
  job_id text primary key,
  account_id text not null references account,
  request text not null,
  created_at timestamptz not null,
  completed_at timestamptz,
  content text
);

create index access_report_age on access_report (created_at);
