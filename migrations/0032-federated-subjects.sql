-- A person who comes from an identity provider, a federated user and a certificate have epochs of their own: their
-- sessions end without ending the role's.
alter table revocation_epoch drop constraint revocation_epoch_kind_check;
alter table revocation_epoch add constraint revocation_epoch_kind_check
  check (kind in ('account', 'user', 'role', 'federated', 'key', 'session', 'trust'));
