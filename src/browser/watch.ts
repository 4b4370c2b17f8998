// The watch page in the browser: keys go to the player without a click.
document.querySelector('video')?.focus()
