// The set-up page. The link that memo serve prints has the code in its fragment, which browsers do
// not send, so that no log has it.
const code = new URLSearchParams(location.hash.slice(1)).get("code")
if (code) {
  document.getElementById("code").value = code
  document.getElementById("workspace").focus()
  history.replaceState(null, "", location.pathname)
}
