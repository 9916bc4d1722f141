-- Roles and OIDC providers are remembered like everything else that decisions rest on (0020): whoever changes one raises
-- the generation, and the node that changed it sees that at once. The numbers of kind trust (0017) are given up.
-- Takes a short lock on role and oidc_provider.
drop trigger role_changed on role;
drop function role_changed();
drop trigger oidc_provider_changed on oidc_provider;
drop function oidc_provider_changed();

create trigger policy_changed after insert or update or delete on oidc_provider
  for each statement execute function policy_changed();

delete from revocation_epoch where kind = 'trust';
alter table revocation_epoch drop constraint revocation_epoch_kind_check;
alter table revocation_epoch add constraint revocation_epoch_kind_check
  check (kind in ('account', 'user', 'role', 'federated', 'key', 'session'));
