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
