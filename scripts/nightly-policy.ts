/**
 * The long run of the policy engine: a million generated decisions by the compiled engine and by the readable interpreter.
 * `npm run nightly:policy`, or with another count: `npm run nightly:policy -- 50000`. Each round prints the seed that repeats
 * it: `npm run nightly:policy -- 20000 <seed>`. Ends with 1 and the smallest counterexample where the two differ.
 */
import fc from 'fast-check'
import { agreement, nothingSeen, requestsPerSet } from '../test/policy/agreement.ts'

const pairsPerRound = 20_000
const wanted = Number(process.argv[2] ?? 1_000_000)
const given = process.argv[3]

const start = performance.now()
const seen = nothingSeen()
for (let done = 0; done < wanted; done += pairsPerRound) {
  // Each round starts from its own seed, so that a difference can be looked at without the rounds before it.
  const seed = given === undefined ? (Date.now() ^ (done * 2_654_435_761)) | 0 : Number(given)
  const result = fc.check(agreement(seen), { numRuns: pairsPerRound / requestsPerSet, seed })
  if (result.failed) {
    console.error(fc.defaultReportMessage(result))
    process.exit(1)
  }
  const minutes = ((performance.now() - start) / 60_000).toFixed(1)
  console.log(`${(done + pairsPerRound).toLocaleString('en')} decisions alike, seed ${seed}, ${minutes} min`)
}
console.log(
  `${seen.Allow} allowed, ${seen.Deny} denied (${seen.explicit} explicitly), ${seen.mfa} for want of MFA, ${seen.error} errors; 0 differences`,
)
console.log([...seen.layers].toSorted().join(', '))
