-- Signing keys: pending (published) -> active (signs) -> retiring (published) -> retired. Private parts are sealed.
create table signing_key (
  kid text primary key,
  purpose text not null check (purpose in ('oidc', 'saml', 'saml-metadata')),
  alg text not null check (alg in ('ES256', 'RS256')),
  state text not null check (state in ('pending', 'active', 'retiring', 'retired')),
  public_jwk text not null,
  private_sealed bytea not null,
  certificate text,
  created_at timestamptz not null
);

-- Two nodes that start at once on an empty database make one key, not two.
create unique index signing_key_active on signing_key (purpose, alg) where state = 'active';
