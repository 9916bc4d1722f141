import { crc32, deflateSync } from 'node:zlib'
import { encode } from 'uqr'

/** Pixels of one module of the code. */
const scale = 6

/** A text as a QR code in a PNG image of one bit per pixel (ISO/IEC 15948). */
export function qrPng(text: string): Buffer {
  const { data } = encode(text, { ecc: 'M', border: 4 })
  const width = data.length * scale
  const lines = data.map((row) => {
    // One byte for the filter (none), then eight pixels a byte; in greyscale 0 is black.
    const line = Buffer.alloc(1 + Math.ceil(width / 8), 0xff)
    line[0] = 0
    for (let x = 0; x < width; x++)
      if (row[Math.floor(x / scale)] === true)
        line[1 + (x >> 3)] = (line[1 + (x >> 3)] ?? 0) & ~(0x80 >> (x & 7))
    return Buffer.concat(Array.from({ length: scale }, () => line))
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(width, 4)
  header[8] = 1 // bits per pixel; all else is 0: greyscale, deflate, no interlace
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}
