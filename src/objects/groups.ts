// Many small requests, some at a time.

/** The platform runs six connections at a time (cloudflare.md §3). */
const atOnce = 6

/** Does the same to each, some at a time. A failure is thrown when nothing is under way any more. */
export async function inGroups<T, R>(items: T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let index = 0; index < items.length; index += atOnce) {
    const group = await Promise.allSettled(items.slice(index, index + atOnce).map(act))
    for (const settled of group) {
      if (settled.status === 'rejected') throw settled.reason
      results.push(settled.value)
    }
  }
  return results
}
