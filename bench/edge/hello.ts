// The floor of every route: a bare Hono app that says hello.
import { Hono } from 'hono'

const app = new Hono().get('/hello', (context) => context.text('hello'))
// oxlint-disable-next-line import/no-default-export -- the platform's door
export default app
