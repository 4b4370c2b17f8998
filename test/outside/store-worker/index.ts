// Does nothing; see wrangler.toml beside it.
export default { fetch: () => new Response('store') }
