// The style of the watch page. It stands in the page, allowed by its hash, so that a refusal needs no second request.
export const watchStyle = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f4f5f7, #0d0f13); --card: light-dark(#fff, #171a21);
  --text: light-dark(#15181e, #eef0f4); --soft: light-dark(#5b6472, #98a2b3);
  --line: light-dark(#e1e4ea, #272c37); --accent: light-dark(#2f5bea, #7d9bff);
  --on-accent: light-dark(#fff, #0d0f13); --bad: light-dark(#c02f3c, #ff8088);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
}
* { box-sizing: border-box }
[hidden] { display: none !important }
body { margin: 0; min-height: 100dvh; background: var(--back); color: var(--text) }
main { margin: 0 auto; max-width: 66rem; padding: clamp(.75rem, 3vw, 2.5rem) }
.stage {
  position: relative; overflow: hidden; border-radius: 14px; background: #000; aspect-ratio: 16 / 9; max-height: 78dvh;
  width: 100%; box-shadow: 0 1px 2px #0002, 0 18px 50px -18px #0006;
}
video { display: block; width: 100%; height: 100%; background: #000; object-fit: contain }
.stage.sound {
  aspect-ratio: auto; display: grid; gap: 1.5rem; justify-items: center; padding: clamp(1.5rem, 6vw, 3.5rem) 1.25rem 1.25rem;
  background: radial-gradient(120% 140% at 15% 0, #33417a, #171b2e 60%, #101322);
}
.stage.sound svg { width: 4rem; color: #c6d2ff }
audio { width: 100% }
.stage.note {
  display: grid; place-content: center; justify-items: center; gap: .5rem; text-align: center; padding: 2rem 1.25rem;
  background: var(--card); border: 1px solid var(--line); box-shadow: none; aspect-ratio: auto; min-height: min(56vw, 26rem);
}
.note svg { width: 3rem; height: 3rem; color: var(--soft); margin-bottom: .5rem }
.note.waiting svg, .note.processing svg { color: var(--accent) }
.note.failed svg { color: var(--bad) }
.note h2 { font-size: 1.3rem; line-height: 1.25; margin: 0; text-wrap: balance }
.note p { margin: 0; color: var(--soft); max-width: 34rem; text-wrap: balance }
progress { appearance: none; width: min(20rem, 70vw); height: .5rem; margin-top: 1rem; border: 0; border-radius: 1rem; background: var(--line); overflow: hidden }
progress::-webkit-progress-bar { background: var(--line) }
progress::-webkit-progress-value { background: var(--accent); transition: inline-size .4s }
progress::-moz-progress-bar { background: var(--accent) }
.pulse { animation: pulse 2s ease-in-out infinite }
@keyframes pulse { 50% { opacity: .35 } }
@media (prefers-reduced-motion: reduce) { .pulse { animation: none } progress::-webkit-progress-value { transition: none } }
.live {
  position: absolute; top: .85rem; left: .85rem; z-index: 1; display: flex; align-items: center; gap: .4rem; padding: .15rem .6rem;
  border-radius: 2rem; background: #d92d3a; color: #fff; font-size: .75rem; font-weight: 700; letter-spacing: .06em;
}
.live::before { content: ''; width: .5rem; height: .5rem; border-radius: 50%; background: #fff }
.head { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: flex-start; margin-top: 1.25rem }
.head > div { flex: 1 1 18rem; min-width: 0 }
h1 { font-size: clamp(1.2rem, 2.5vw, 1.6rem); line-height: 1.25; margin: 0; overflow-wrap: anywhere; letter-spacing: -.01em;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden }
.facts { display: flex; flex-wrap: wrap; gap: .15rem .6rem; margin: .35rem 0 0; padding: 0; list-style: none; color: var(--soft); overflow-wrap: anywhere }
.facts li { max-width: 100%; overflow: hidden; text-overflow: ellipsis; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2 }
.facts li + li::before { content: '·'; margin-right: .6rem }
.button {
  display: inline-flex; align-items: center; gap: .5rem; min-height: 2.75rem; padding: 0 1.1rem; border-radius: .7rem; border: 0;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; white-space: nowrap;
}
.button:hover { filter: brightness(1.08) }
.button svg { width: 1.1rem; height: 1.1rem }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.files { margin: 1.5rem 0 0; padding: 0; list-style: none; display: grid; gap: .5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)) }
.files button {
  width: 100%; min-height: 3.25rem; padding: .5rem .9rem; text-align: left; font: inherit; color: inherit; cursor: pointer;
  background: var(--card); border: 1px solid var(--line); border-radius: .7rem; overflow: hidden; text-overflow: ellipsis;
}
.files button[aria-current=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent) }
.files b, .files span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.files b { font-weight: 600 }
.files span { color: var(--soft); font-size: .85rem }
.alert {
  display: flex; flex-wrap: wrap; align-items: center; gap: .75rem 1rem; margin-top: 1rem; padding: .75rem 1rem; border-radius: .7rem;
  background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--bad);
}
.alert p { margin: 0; flex: 1 1 14rem }
.keys { margin: 1.75rem 0 0; color: var(--soft); font-size: .8rem }
kbd { font: inherit; padding: .05rem .4rem; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: .35rem; background: var(--card); color: var(--text) }
@media (hover: none) { .keys { display: none } }
@media (max-width: 40rem) {
  main { padding: 0 0 2rem }
  .stage { border-radius: 0; box-shadow: none }
  .stage.note { border-width: 0 0 1px }
  .head, .files, .alert { margin-left: 1rem; margin-right: 1rem }
  .head .button { width: 100%; justify-content: center }
  .keys { display: none }
}`
