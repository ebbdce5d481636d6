/** Sets the theme chosen before, else the system's. Not a module, so that it runs before anything is painted. */
{
  const system = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  document.documentElement.dataset["theme"] = localStorage.getItem("fractura-theme") ?? system;
}
