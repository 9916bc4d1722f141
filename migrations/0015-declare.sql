-- What signet.yaml declared, by kind, account and name ('' where a thing has no account). `secret_mark` is a MAC of the
-- password or TOTP seed that the file last gave: a secret is set again only when the file's value changed, so that a
-- start does not undo what people have changed since.
create table declared_thing (
  kind text not null,
  account_id text not null,
  name_key text not null,
  secret_mark text,
  declared_at timestamptz not null,
  primary key (kind, account_id, name_key)
);
