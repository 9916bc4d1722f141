/** What the benchmarks use of packages that bring no types. */
declare module 'autocannon' {
  export default function autocannon(options: {
    readonly url: string
    readonly method?: 'GET' | 'POST'
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly connections: number
    /** Seconds. */
    readonly duration: number
    /** Requests per second over all connections. */
    readonly overallRate?: number
    readonly requests?: readonly {
      readonly method: 'GET' | 'POST'
      readonly path: string
      readonly setupRequest: (request: object) => object
    }[]
  }): Promise<{
    readonly '2xx': number
    readonly non2xx: number
    readonly errors: number
    /** Milliseconds. */
    readonly latency: { readonly p99: number }
    /** Seconds. */
    readonly duration: number
  }>
}
