-- Roles and OIDC providers are held in memory by every node that trades tokens for sessions. A change raises a number of
-- kind trust, which every node compares before it believes its memory. One number per entity: a shared one would make
-- transactions wait for each other. Inserts raise nothing, since what was not found is not remembered.
alter table revocation_epoch drop constraint revocation_epoch_kind_check;
alter table revocation_epoch add constraint revocation_epoch_kind_check
  check (kind in ('account', 'user', 'role', 'key', 'session', 'trust'));

create function role_changed() returns trigger language plpgsql as $$
begin
  perform raise_epoch('trust', 'role/' || old.account_id || '/' || old.name_key);
  return null;
end $$;

create trigger role_changed after update or delete on role for each row execute function role_changed();

create function oidc_provider_changed() returns trigger language plpgsql as $$
begin
  perform raise_epoch('trust', 'provider/' || old.arn);
  return null;
end $$;

create trigger oidc_provider_changed after update or delete on oidc_provider
  for each row execute function oidc_provider_changed();
