/** How many slots a Redis Cluster has. */
const SLOTS = 16_384;
/** CRC-16/XMODEM, as the Cluster specification defines it: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
const POLYNOMIAL = 0x1021;

let tags: readonly string[] | undefined;

/** The slot of a hash tag. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ POLYNOMIAL) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}

/**
 * The hash tag of what all locks of a slot share: the lowest number whose digits of base 36 fall into it. Every process
 * finds the same. The first call takes some milliseconds, since it finds those of all slots.
 */
export function tagOfSlot(slot: number): string {
  tags ??= findTags();
  return tags[slot] as string;
}

function findTags(): readonly string[] {
  const found = new Array<string>(SLOTS).fill('');
  let missing = SLOTS;
  for (let number = 0; missing > 0; number += 1) {
    const tag = number.toString(36);
    const slot = slotOf(tag);
    if (found[slot] !== '') continue;
    found[slot] = tag;
    missing -= 1;
  }
  return found;
}
