-- Roles Anywhere: certificate authorities that an account trusts, and what a certificate of theirs may be traded for.
-- New tables: no locks. Certificates and revocation lists are public; nothing here is a secret.

create table trust_anchor (
  account_id text not null references account on delete cascade,
  name text not null,
  name_key text not null,
  certificates text not null,
  revocation_lists text not null,
  enabled boolean not null,
  created_at timestamptz not null,
  primary key (account_id, name_key)
);

-- `roles` and `policy_arns` are JSON lists of ARNs.
create table anywhere_profile (
  account_id text not null references account on delete cascade,
  name text not null,
  name_key text not null,
  roles text not null,
  policy_arns text not null,
  session_policy text,
  max_session_seconds integer not null,
  accepts_session_name boolean not null,
  enabled boolean not null,
  created_at timestamptz not null,
  primary key (account_id, name_key)
);

-- What was issued on the word of an authority ends when that authority changes: another certificate, a new revocation
-- list, switched off, deleted. The clients come again, and are judged by what holds then.
create function trust_anchor_changed() returns trigger language plpgsql as $$
begin
  perform raise_epoch('session', 'trust-anchor/' || old.account_id || '/' || old.name_key);
  return null;
end $$;

create trigger trust_anchor_changed after update or delete on trust_anchor
  for each row execute function trust_anchor_changed();
