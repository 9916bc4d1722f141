-- The position in the feed goes along with the notification: verifiers outside follow it (GET /access/v1/revocations).
create or replace function raise_epoch(of_kind text, of_id text) returns integer language plpgsql as $$
declare
  raised integer;
  place bigint;
begin
  insert into revocation_epoch (kind, id, epoch) values (of_kind, of_id, 1)
  on conflict (kind, id) do update
    set epoch = revocation_epoch.epoch + 1, seq = nextval('revocation_seq'), changed_at = now()
  returning epoch, seq into raised, place;
  perform pg_notify('signet_epoch', of_kind || ' ' || of_id || ' ' || raised || ' ' || place);
  return raised;
end $$;

-- A key that signs by SigV4A alone has only its public part here: 65 bytes, the point uncompressed.
alter table access_key alter column secret_sealed drop not null;
alter table access_key add column public_key bytea;
alter table access_key add constraint access_key_one_form check ((secret_sealed is null) <> (public_key is null));

-- Whether new access keys of an account must be of that kind.
alter table account add column sigv4a_keys_only boolean not null default false;

-- Whether a service may hold signing keys of the callers it has seen, to verify them without asking each time.
alter table app add column signing_keys boolean not null default false;
