"""Gathers what the doctor looks at (:mod:`homeport.environments.doctor.facts`): it looks, and changes nothing."""
