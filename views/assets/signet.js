/*
 * What script adds; every page works without it. A control that needs script starts hidden and is revealed here.
 * Nothing writes markup: only text, attributes and the clipboard.
 */

// Copy buttons: the text of the element that data-copy names.
for (const button of document.querySelectorAll('button[data-copy]')) {
  const source = document.getElementById(button.dataset.copy)
  if (!source || !navigator.clipboard) continue
  const label = button.textContent
  button.hidden = false
  button.addEventListener('click', async () => {
    const items = source.querySelectorAll('li')
    const text = items.length
      ? [...items].map((item) => item.textContent.trim()).join('\n')
      : source.textContent
    await navigator.clipboard.writeText(text)
    button.textContent = button.dataset.done
    setTimeout(() => (button.textContent = label), 2000)
  })
}

// Print and save, for recovery codes.
for (const button of document.querySelectorAll('button[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => print())
}
for (const link of document.querySelectorAll('a[data-save]')) {
  const items = [...document.getElementById(link.dataset.save).querySelectorAll('li')]
  const text = items.map((item) => item.textContent.trim()).join('\n') + '\n'
  link.href = 'data:text/plain;charset=utf-8,' + encodeURIComponent(text)
  link.hidden = false
}

// Show or hide a password. The button stands after its field.
for (const button of document.querySelectorAll('button[data-reveal]')) {
  const field = document.getElementById(button.dataset.reveal)
  const label = button.textContent
  button.hidden = false
  button.addEventListener('click', () => {
    const shown = field.type === 'text'
    field.type = shown ? 'password' : 'text'
    button.textContent = shown ? label : button.dataset.hide
  })
}

// Caps lock: a note below password fields.
for (const field of document.querySelectorAll('input[type="password"]')) {
  const note = document.getElementById(field.id + '-caps')
  if (!note) continue
  field.addEventListener('keyup', (event) => {
    note.hidden = !event.getModifierState?.('CapsLock')
  })
}

// A form that is sent twice by a double click is sent once.
for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault()
    form.dataset.sent = 'yes'
    setTimeout(() => delete form.dataset.sent, 4000)
  })
}

// Time left, counted down every half minute.
for (const clock of document.querySelectorAll('[data-until]')) {
  const until = Date.parse(clock.dataset.until)
  const show = () => {
    const minutes = Math.max(0, Math.round((until - Date.now()) / 60000))
    clock.textContent =
      minutes >= 60
        ? `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
        : `${minutes} min`
  }
  show()
  setInterval(show, 30000)
}

// Dates in the visitor's own zone and language.
for (const time of document.querySelectorAll('time[datetime]')) {
  const date = new Date(time.dateTime)
  if (Number.isNaN(date.valueOf())) continue
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: 'medium',
    timeStyle: 'short',
  }).format(date)
}

// Narrow a list while typing.
for (const box of document.querySelectorAll('input[data-filter]')) {
  const items = [...document.getElementById(box.dataset.filter).querySelectorAll('[data-name]')]
  box.closest('[hidden]')?.removeAttribute('hidden')
  box.addEventListener('input', () => {
    const wanted = box.value.trim().toLowerCase()
    for (const item of items) item.hidden = !item.dataset.name.toLowerCase().includes(wanted)
  })
}
