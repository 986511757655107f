/** The bounds of what a component's HTTP door keeps, and of what it asks the API for strangers. */

/** Reviews that are remembered. */
export const reviewsKept = 1024;
/** Reviews under way at once; one more request is refused with 429. */
export const reviewsAtOnce = 16;
/** Those of one address: whoever floods the door leaves some to the others. */
export const reviewsOfAddressAtOnce = 4;
/** A review that is not answered by then has failed. */
export const reviewMs = 5_000;
/** The longest token that is looked at: an API server's heads hold no longer one. */
export const tokenBytesMax = 32 * 1024;
