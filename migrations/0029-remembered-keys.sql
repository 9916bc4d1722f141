-- Nodes remember long-term access keys as they remember users and roles: whoever adds, removes or switches one raises the
-- generation. Notes of a key's last use do not. Takes a short lock on access_key.
create trigger policy_changed after insert or delete or update of status on access_key
  for each statement execute function policy_changed();

-- A signed request's user is told to apps by display name too: a change of it counts as one of the name does.
drop trigger policy_changed on users;
create trigger policy_changed after insert or delete or update of name, name_key, path, display_name, mail, mail_key,
  mail_verified, status, permissions_boundary, tags on users for each statement execute function policy_changed();
