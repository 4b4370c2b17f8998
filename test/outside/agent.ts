// Tests name themselves so in `user-agent` when they speak to the store: their own requests are neither troubled nor
// listed by the proxy.
export const testAgent = 'test'
