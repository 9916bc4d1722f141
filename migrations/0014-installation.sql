-- What the database knows of the SECRET_KEY it was made with: a derived value that tells keys apart and opens nothing.
-- One row; a start with another key is refused before anything is sealed twice over.
create table installation (
  singleton boolean primary key default true check (singleton),
  key_fingerprint bytea not null,
  created_at timestamptz not null
);
