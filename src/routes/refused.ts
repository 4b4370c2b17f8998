// How often one address may be refused: bad credentials of the API, bad tokens of links. Exists for floods of guesses, whose
// answers become cheap and whose noise ends. Only refusals are counted, so a good request is never held up, whoever shares
// its address; webhooks are never counted, because LiveKit takes a 429 for delivered. When the counter fails or is not
// there, or nobody says where the request came from, the refusal is answered as it is: a limit must never be an outage.
import type { Context } from 'hono'
import type { HTTPException } from 'hono/http-exception'
import { logError, messageOf } from '../log.ts'
import { problem } from '../problem.ts'
import { refusal } from './context.ts'
import type { AppEnv } from './context.ts'

/** The period of the counter, as wrangler.toml has it. */
const periodSeconds = 60

/** The description of the 429 of every route that refuses through here. */
export const tooManyRefusals = {
  ...refusal('Refused too often: wait for as long as `Retry-After` says'),
  headers: {
    'retry-after': { description: 'Seconds', schema: { type: 'integer' as const } },
  },
}

/**
 * Counts a refusal of this caller.
 * @returns what to throw: the refusal itself, or a 429 problem when there were too many
 */
export async function refused(
  context: Context<AppEnv>,
  because: HTTPException,
): Promise<HTTPException> {
  const address = context.req.header('cf-connecting-ip')
  if (address === undefined || (await isWithinLimit(context.env, addressKey(address)))) {
    return because
  }
  context.header('retry-after', String(periodSeconds))
  const detail = `Too many refused requests from your address. Try again in ${periodSeconds} seconds.`
  return problem(429, 'too-many-refusals', detail)
}

async function isWithinLimit({ REFUSALS }: Partial<Env>, key: string): Promise<boolean> {
  try {
    return (await REFUSALS?.limit({ key }))?.success ?? true
  } catch (error) {
    logError('refusals.not-counted', { error: messageOf(error) })
    return true
  }
}

/** One caller: an IPv4 address, or the /64 network that an IPv6 caller has to itself. */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address
  // An IPv4 address as IPv6 writes it.
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1)
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const tailGroups = (tail ?? '').split(':').filter((group) => group !== '')
  const zeros = Array<string>(Math.max(8 - groups.length - tailGroups.length, 0)).fill('0')
  const all = tail === undefined ? groups : [...groups, ...zeros, ...tailGroups]
  const network = all.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${network.join(':')}::/64`
}
