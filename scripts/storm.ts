// `npm run storm [-- --seeds N] [--from N] [--seconds N]`: the storm of test/storm for as many seeds as asked. It ends with 0 only when
// every invariant held for every one; a seed that failed is replayed by `npm run storm -- --seed N`, line by line.
import { parseArgs } from 'node:util'
import { replay, runSeed } from '../test/storm/run.ts'

const mostFailures = 10

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string', default: 'Infinity' },
    seed: { type: 'string' },
  },
})

if (values.seed === undefined)
  await run(Number(values.from), Number(values.seeds), Number(values.seconds))
else for (const line of await replay(Number(values.seed))) console.log(line)

async function run(from: number, seeds: number, seconds: number): Promise<void> {
  const startedMs = Date.now()
  const elapsed = (): number => (Date.now() - startedMs) / 1000
  let failures = 0
  let seed = from
  for (; seed < from + seeds && failures < mostFailures && elapsed() < seconds; seed += 1) {
    const failure = await runSeed(seed)
    if (failure === null) continue
    failures += 1
    console.log(`seed ${seed}: ${failure.message}`)
  }
  console.log(`seeds ${from} to ${seed - 1}: ${failures} failed, ${elapsed().toFixed(1)} s`)
  if (failures > 0) console.log('npm run storm -- --seed N prints the history of one')
  process.exitCode = failures === 0 ? 0 : 1
}
