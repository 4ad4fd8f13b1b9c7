import fc from 'fast-check'

// Left to itself, an array of at most 300 entries has ten at most, and what is to be tested never comes about.
fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true })
