/* Sends the page's one form by itself; without script the person presses its button. */
document.querySelector('form[data-submit]')?.requestSubmit()
