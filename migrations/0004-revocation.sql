-- Revocation epochs: one number per account, user, role, access key or session family, raised to end everything that
-- was issued before. Only what was ever raised has a row. Every node holds this table in memory.
create sequence revocation_seq;

create table revocation_epoch (
  kind text not null check (kind in ('account', 'user', 'role', 'key', 'session')),
  id text not null,
  epoch integer not null,
  seq bigint not null default nextval('revocation_seq'),
  changed_at timestamptz not null default now(),
  primary key (kind, id)
);

create index revocation_epoch_seq on revocation_epoch (seq);

create function raise_epoch(of_kind text, of_id text) returns integer language plpgsql as $$
declare raised integer;
begin
  insert into revocation_epoch (kind, id, epoch) values (of_kind, of_id, 1)
  on conflict (kind, id) do update
    set epoch = revocation_epoch.epoch + 1, seq = nextval('revocation_seq'), changed_at = now()
  returning epoch into raised;
  perform pg_notify('signet_epoch', of_kind || ' ' || of_id || ' ' || raised);
  return raised;
end $$;
