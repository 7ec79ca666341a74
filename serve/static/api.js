// Requests to the server's REST interface. Paths are relative, so that the page works behind a proxy with a prefix.

const getJson = async (path) => (await fetch(path)).json();

/** The open sessions. Rejects if the server does not respond. */
export const getSessions = () => getJson("v1/sessions");

/** The streams on the network. Rejects if the server does not respond. */
export const getStreams = () => getJson("v1/streams");

/** Whether the session still exists. True if the server does not respond: it may come back with the session. */
export async function isOpen(session) {
  try {
    return (await getSessions()).some((open) => open.session === session);
  } catch {
    return true;
  }
}

/** Open a session that decodes `stream`. Returns why the server refuses, or "" if the session is open. */
export async function openSession(stream) {
  try {
    const reply = await fetch("v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ stream }),
    });
    return reply.ok ? "" : problemText(await reply.json());
  } catch {
    return "The server does not answer; try again.";
  }
}

/** The text of an error: a sentence, or one entry for each invalid field. */
function problemText({ detail }) {
  if (typeof detail === "string") return detail;
  return detail.map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`).join("; ");
}
