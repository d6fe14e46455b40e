package portal

import (
	"net/http"

	"souk/api"
)

// projectsView is the list of projects with the form for another.
type projectsView struct {
	projects []api.Project
	form     api.ProjectCreate
	wrong    *formErrors
}

func (p *Portal) projects(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showProjects(w, r, v, projectsView{})
}

func (p *Portal) showProjects(w http.ResponseWriter, r *http.Request, v *visit, view projectsView) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	var err error
	if view.projects, err = v.organization().Projects(r.Context()); err != nil {
		return err
	}
	if view.wrong.any() {
		return refuse(w, r, v, projectsPage(v, view))
	}
	return show(w, r, v, projectsPage(v, view))
}

func (p *Portal) createProject(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := projectsView{form: api.ProjectCreate{Name: r.PostForm.Get("name"), DisplayName: r.PostForm.Get("displayName")}}
	if _, err := v.organization().CreateProject(r.Context(), view.form); err != nil {
		if view.wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.showProjects(w, r, v, view)
	}
	redirect(w, r, done("project-created", "o", v.org, "projects"))
	return nil
}

func (p *Portal) deleteProject(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.organization().DeleteProject(r.Context(), r.PathValue("project")); err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		return p.showProjects(w, r, v, projectsView{wrong: wrong})
	}
	redirect(w, r, done("project-deleted", "o", v.org, "projects"))
	return nil
}
