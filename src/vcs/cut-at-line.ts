/** Text that ends with a whole line where it was cut. */
export function cutAtLine(bytes: Buffer, isCut: boolean): string {
  return bytes.subarray(0, isCut ? bytes.lastIndexOf(0x0a) + 1 : bytes.length).toString('utf8');
}
