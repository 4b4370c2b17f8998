// `npm run storm [-- --seeds N] [--from N]`: the storm of test/storm for as many seeds as asked. It ends with 0 only when
// every invariant held for every one; a seed that failed is replayed by `npm run storm -- --seed N`, line by line.
import { parseArgs } from 'node:util'
import { replay, runSeed } from '../test/storm/run.ts'

const mostFailures = 10

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
})

if (values.seed === undefined) await run(Number(values.from), Number(values.seeds))
else for (const line of await replay(Number(values.seed))) console.log(line)

async function run(from: number, seeds: number): Promise<void> {
  const startedMs = Date.now()
  let failures = 0
  for (let seed = from; seed < from + seeds && failures < mostFailures; seed += 1) {
    const failure = await runSeed(seed)
    if (failure === null) continue
    failures += 1
    console.log(`seed ${seed}: ${failure.message}`)
  }
  const seconds = Math.round((Date.now() - startedMs) / 100) / 10
  console.log(`seeds ${from} to ${from + seeds - 1}: ${failures} failed, ${seconds} s`)
  if (failures > 0) console.log('npm run storm -- --seed N prints the history of one')
  process.exitCode = failures === 0 ? 0 : 1
}
