-- The setup link of an instance that nobody has claimed. At most one row: a new link voids the old. The draft is what
-- the first administrator has entered so far, sealed; nothing of it exists elsewhere until all of it does.
create table setup_link (
  token_hash bytea primary key,
  expires_at timestamptz not null,
  draft bytea
);
