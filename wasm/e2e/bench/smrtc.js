export async function smrtcCall() { throw new Error("not yet"); }
