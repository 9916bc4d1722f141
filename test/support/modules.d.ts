/** The memory adapter of the bare provider in oidc-issuer.ts and in the benchmarks; the types do not know it. */
declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  import type { AdapterConstructor } from 'oidc-provider'
  const MemoryAdapter: AdapterConstructor
  export default MemoryAdapter
}
