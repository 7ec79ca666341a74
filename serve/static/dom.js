// Helpers for the document. Texts are set as text, never as HTML: channel names and labels come from outside.

export const byId = (id) => document.getElementById(id);

/** Set the text of an element, only if it differs: an unchanged text costs no layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A new element with these properties and children (elements or strings). */
export function newElement(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** A new SVG element with these attributes and, where given, a text. */
export function newSvgElement(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}
