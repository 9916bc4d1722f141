import { Browser, textOf } from './browser.ts'

/** Opens the address that `signet login` names, signs in step by step, and confirms the code. */
export async function confirmDevice(
  address: string,
  { name, password }: { readonly name: string; readonly password: string },
): Promise<void> {
  const browser = new Browser()
  let page = await browser.open(address)
  for (let steps = 0; steps < 10 && !textOf(page).includes('You can close this page'); steps++) {
    const onward = Browser.onward(page)
    if (onward !== undefined) page = await browser.open(onward)
    else if (page.html.includes('name="password"')) page = await browser.submit(page, { password })
    else if (page.html.includes('name="identifier"')) page = await browser.submit(page, { identifier: name })
    else page = await browser.submit(page)
  }
}
