-- Pod Identity: Kubernetes clusters, whose tokens are believed, and which role the pods of a service account get. A new table:
-- no locks. `associations` is JSON text.
create table pod_cluster (
  account_id text not null references account on delete cascade,
  name text not null,
  name_key text not null,
  issuer text not null,
  associations text not null,
  enabled boolean not null,
  created_at timestamptz not null,
  primary key (account_id, name_key)
);
