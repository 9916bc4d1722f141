/**
 * The long run of the checks: a million generated pairs of policies, each answer of CheckNoNewAccess against sampled requests.
 * `npm run nightly:checks`, or with another count: `npm run nightly:checks -- 50000`. Each round prints the seed that repeats it:
 * `npm run nightly:checks -- 14400 <seed>`. Ends with 1 and the smallest counterexample at a wrong PASS or a FAIL that does not
 * replay.
 */
import fc from 'fast-check'
import { noWrongPass, pairsPerSet, type SeenPairs } from '../test/policy/pairs.ts'

const setsPerRound = 100
const wanted = Number(process.argv[2] ?? 1_000_000)
const given = process.argv[3]

const start = performance.now()
const seen: SeenPairs = { PASS: 0, FAIL: 0, UNKNOWN: 0, samples: 0 }
for (let done = 0; done < wanted; done += setsPerRound * pairsPerSet) {
  const seed = given === undefined ? (Date.now() ^ (done * 2_654_435_761)) | 0 : Number(given)
  const result = fc.check(noWrongPass(seen), { numRuns: setsPerRound, seed })
  if (result.failed) {
    console.error(fc.defaultReportMessage(result))
    process.exit(1)
  }
  const minutes = ((performance.now() - start) / 60_000).toFixed(1)
  const pairs = (done + setsPerRound * pairsPerSet).toLocaleString('en')
  console.log(`${pairs} pairs, seed ${seed}, ${minutes} min`)
}
const { PASS, FAIL, UNKNOWN, samples } = seen
console.log(
  `${PASS} PASS held against ${samples} requests, ${FAIL} FAIL replayed, ${UNKNOWN} UNKNOWN; 0 wrong`,
)
