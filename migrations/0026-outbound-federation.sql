-- Accounts whose principals may ask for identity tokens for outside services (GetWebIdentityToken). A row means on.
create table outbound_federation (
  account_id text primary key references account on delete cascade,
  enabled_at timestamptz not null
);

-- Keys of purpose sts sign those identity tokens, keys of purpose session sign role sessions that services verify by
-- themselves. Neither is a key of the OpenID provider: what one signs is nothing where another is expected.
alter table signing_key drop constraint signing_key_purpose_check;
alter table signing_key add constraint signing_key_purpose_check
  check (purpose in ('oidc', 'saml', 'saml-metadata', 'sts', 'session'));
alter table signing_key drop constraint signing_key_alg_check;
alter table signing_key add constraint signing_key_alg_check check (alg in ('ES256', 'ES384', 'RS256'));
